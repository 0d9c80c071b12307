package api

// Flight is the answer of GET /admin/flight: the move between two places in
// use that this one is in, or was in last. Move is empty if there never was one.
type Flight struct {
	Move   string        `json:"move"`
	State  string        `json:"state"`            // of this place
	Over   bool          `json:"over,omitempty"`   // completed, or given up
	Status any           `json:"status,omitempty"` // what the mover said last: MoveStatus in web/src/move.gen.ts
	Told   int64         `json:"told,omitempty"`   // when it did
	Now    int64         `json:"now"`              // by the clock that Told is of
	Orders []FlightOrder `json:"orders,omitempty"` // newest first
}

// FlightOrder is what somebody ordered of the mover. Orders given on the
// mover's own machine are in Status.
type FlightOrder struct {
	N    int64  `json:"n"`
	Who  string `json:"who"`
	At   int64  `json:"at"`
	Word string `json:"word"` // cutover, wait, pause, resume, set, sign-off, verify, abort, rollback, complete
	Args string `json:"args,omitempty"`
}

// NewFlightOrder is the body of POST /admin/flight/orders. The mover takes it
// within a second or two; what came of it is in its status.
type NewFlightOrder struct {
	Move string `json:"move"`
	Word string `json:"word"`
	Args string `json:"args,omitempty"`
}
