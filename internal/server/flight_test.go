package server_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

func TestAMoveIsSeenAndDrivenFromThePlace(t *testing.T) {
	w := sqlite(t)
	var none api.Flight
	w.must(w.as("owner").Do(t.Context(), "GET", "admin/flight", nil, &none))
	if none.Move != "" || none.State != "open" {
		t.Errorf("without a move: %+v", none)
	}
	w.must(w.store.Govern(t.Context(), func(s *chat.Standing) error {
		s.Pair = chat.Pair{Move: "flight", Even: true}
		return nil
	}))
	_, err := w.store.Tell(t.Context(), "flight", []byte(`{"stage":"follow"}`), 0)
	w.must(err)
	order := func(who string, in api.NewFlightOrder) error {
		return w.as(who).Do(t.Context(), "POST", "admin/flight/orders", in, nil)
	}
	w.must(order("admin", api.NewFlightOrder{Move: "flight", Word: "set", Args: "throttle=20ms"}))
	w.must(order("owner", api.NewFlightOrder{Move: "flight", Word: "cutover"}))
	var got api.Flight
	w.must(w.as("owner").Do(t.Context(), "GET", "admin/flight", nil, &got))
	text, err := json.Marshal(got.Status)
	w.must(err)
	if got.Move != "flight" || string(text) != `{"stage":"follow"}` || got.Told == 0 || got.Now < got.Told || len(got.Orders) != 2 || got.Orders[0].Word != "cutover" || got.Orders[1].Who != w.users["admin"].Name {
		t.Errorf("%+v", got)
	}
	list, _, err := w.service.AuditLog(t.Context(), chat.Operator(), "order", chat.ID[chat.Audit]{})
	w.must(err)
	if len(list) != 2 || list[0].Action != "order cutover" || list[1].Action != "order set throttle=20ms" || list[1].Actor != w.users["admin"].ID || list[0].Target != "flight" {
		t.Errorf("the audit log has %+v", list)
	}
	for _, c := range []struct {
		name, who string
		in        api.NewFlightOrder
		want      chat.ErrorKind
	}{
		{"a member orders nothing", "member", api.NewFlightOrder{Move: "flight", Word: "pause"}, chat.Denied},
		{"a word that is no order", "owner", api.NewFlightOrder{Move: "flight", Word: "destroy"}, chat.Invalid},
		{"a file of the mover's machine", "owner", api.NewFlightOrder{Move: "flight", Word: "cutover", Args: "when-gone /etc/passwd"}, chat.Invalid},
		{"a line in an order", "owner", api.NewFlightOrder{Move: "flight", Word: "set", Args: "throttle=off\nx"}, chat.Invalid},
		{"too much", "owner", api.NewFlightOrder{Move: "flight", Word: "set", Args: strings.Repeat("x", 1000)}, chat.Invalid},
		{"another move", "owner", api.NewFlightOrder{Move: "other", Word: "pause"}, chat.NotFound},
	} {
		if err := order(c.who, c.in); !chat.IsKind(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	orders, err := w.store.Tell(t.Context(), "flight", []byte("{"), 0)
	w.must(err)
	if len(orders) != 2 || orders[0].Word != "set" || orders[0].Args != "throttle=20ms" || orders[1].Word != "cutover" {
		t.Errorf("the mover is told %+v", orders)
	}
	t.Run("a status that is no JSON is none", func(t *testing.T) {
		var got api.Flight
		w.must(w.as("owner").Do(t.Context(), "GET", "admin/flight", nil, &got))
		if got.Status != nil {
			t.Errorf("%+v", got)
		}
	})
}
