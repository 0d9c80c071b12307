package live

import "github.com/godwit-chat/godwit/internal/connect"

// A place in use can be moved, in this process and over the HTTP API.
var (
	_ connect.Party  = (*Direct)(nil)
	_ connect.Party  = (*Remote)(nil)
	_ connect.Packer = (*Direct)(nil)
	_ connect.Packer = (*Remote)(nil)
)
