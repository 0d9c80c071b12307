package api

// A file is sent in four steps: POST /uploads makes an Upload; PATCH
// /uploads/{id}?offset=N with bytes as its body, each part behind the one
// before, answers the Upload with the new offset; POST /uploads/{id}/finish
// looks at the whole and answers it done; NewMessage.Files takes it into a
// message. After anything goes wrong, GET /uploads/{id} says where to go on:
// bytes that are counted there survive whatever happens to the server. DELETE
// /uploads/{id} gives up. GET /uploads lists those that wait for a message.

// NewUpload is the body of POST /uploads. What a file is, is found in its
// bytes.
type NewUpload struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// Upload is a file on its way, or arrived and in no message yet.
type Upload struct {
	ID      string `json:"id"`
	Name    string `json:"name"` // as it will be shown
	Size    int64  `json:"size"`
	Offset  int64  `json:"offset"` // how many bytes are here, for good
	Done    bool   `json:"done,omitempty"`
	Type    string `json:"type,omitempty"` // found in the bytes, when done
	Width   int    `json:"width,omitempty"`
	Height  int    `json:"height,omitempty"`
	Part    int64  `json:"part"`    // the most bytes of one PATCH
	Expires int64  `json:"expires"` // when it is given up
}

// Uploads is the answer of GET /uploads.
type Uploads struct {
	Uploads []Upload `json:"uploads"`
	Most    int64    `json:"most"` // the most bytes of one file
}

// Card is what a page that a message links to says of itself. DELETE
// /messages/{id}/cards/{card} takes it away for good, and answers the Message.
type Card struct {
	ID      string `json:"id"`
	URL     string `json:"url"`
	Title   string `json:"title,omitempty"`
	Text    string `json:"text,omitempty"`
	Site    string `json:"site,omitempty"`
	Picture string `json:"picture,omitempty"` // address of the picture, here
}

// RoomFile is a file with where it is.
type RoomFile struct {
	File
	Message string `json:"message"`
	Author  string `json:"author,omitempty"`
	Label   string `json:"label,omitempty"` // the author's name where that is no person
	Sent    int64  `json:"sent"`
}

// RoomFiles is the answer of GET /rooms/{id}/files?type= with before=FILE or
// after=FILE, or neither for the newest: files in messages, nearest first.
// Types are pictures, media and other; none is all. Next goes where the file
// went; empty at the end.
type RoomFiles struct {
	Files []RoomFile `json:"files"`
	Next  string     `json:"next,omitempty"`
}
