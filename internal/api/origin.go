package api

// Moved is the answer of GET /moved?address=…: where what an address of an
// imported source led to is now. 404 if it did not come here or is not for
// the one who asks: the two look the same.
type Moved struct {
	Room    string `json:"room"`
	Message string `json:"message,omitempty"`
}
