package testkit_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/godwit-chat/godwit/internal/testkit"
)

func TestAReplicaTakesOver(t *testing.T) {
	for name, synchronous := range map[string]bool{"asynchronous": false, "synchronous": true} {
		t.Run(name, func(t *testing.T) {
			one := testkit.StartPostgres(t)
			two := one.Replica(synchronous)
			front := testkit.NewFront(t, one.Address)
			db, err := sql.Open("pgx", testkit.PostgresURL(front.Address))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			exec(t, db, `CREATE TABLE seen (n INTEGER)`)
			exec(t, db, `INSERT INTO seen VALUES (1)`)
			if !synchronous {
				two.CatchUp()
				two.StopNow()
				exec(t, db, `INSERT INTO seen VALUES (2)`) // is lost
			}
			one.StopNow()
			if !synchronous {
				two.Start()
			}
			two.Promote()
			front.Switch(two.Address)
			var n int
			for end := time.Now().Add(30 * time.Second); ; {
				err := db.QueryRow(`SELECT count(*) FROM seen`).Scan(&n)
				if err == nil {
					break
				}
				if time.Now().After(end) {
					t.Fatal(err)
				}
			}
			if n != 1 {
				t.Errorf("%d rows are at the replica that took over, not 1", n)
			}
			exec(t, db, `INSERT INTO seen VALUES (3)`)
		})
	}
}

func exec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}

func TestAServerThatStallsAnswersAfterwards(t *testing.T) {
	p := testkit.StartPostgres(t)
	front := testkit.NewFront(t, p.Address)
	db, err := sql.Open("pgx", testkit.PostgresURL(front.Address))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var pid int
	if err := db.QueryRow(`SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		t.Fatal(err)
	}
	for name, stall := range map[string][2]func(){
		"the server":     {p.Stall, p.Resume},
		"one connection": {func() { p.StallBackend(pid) }, func() { p.ResumeBackend(pid) }},
		"the network":    {front.Hold, front.Mend},
	} {
		stall[0]()
		answered := make(chan error, 1)
		go func() {
			_, err := db.ExecContext(context.Background(), `SELECT 1`)
			answered <- err
		}()
		select {
		case err := <-answered:
			t.Errorf("%s: it answered, %v", name, err)
		case <-time.After(100 * time.Millisecond):
		}
		stall[1]()
		if err := <-answered; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	front.Cut()
	if _, err := db.Exec(`SELECT 1`); err == nil {
		t.Error("what was cut works")
	}
	front.Mend()
	exec(t, db, `SELECT 1`)
}
