package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// The benchmarks of this file run the built program as a person would, and
// beside it a reference on the same machine in the same minutes.
// GODWIT_BENCH_MESSAGES sets their size.
func benchMessages(b *testing.B) int {
	s := os.Getenv("GODWIT_BENCH_MESSAGES")
	if s == "" {
		return 100_000
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func buildProgram(b testing.TB) string {
	b.Helper()
	bin := filepath.Join(b.TempDir(), "godwit")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatal(err, string(out))
	}
	return bin
}

// program runs the program in dir and returns how long it took. That something
// was lost is no failure here.
func program(b *testing.B, dir, bin string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), bin, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GODWIT_PASSWORD=correct horse")
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if code := cmd.ProcessState.ExitCode(); err != nil && code != exitLosses {
		b.Fatalf("godwit %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return took
}

func readReport(b *testing.B, dir, name string) move.Report {
	b.Helper()
	var r move.Report
	data, err := os.ReadFile(filepath.Join(dir, name+".godwit", "report.json"))
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// BenchmarkImport imports an encrypted export, verifies it, imports it again
// with one record changed, and loads the same rows bare.
func BenchmarkImport(b *testing.B) {
	bin, dir, n := buildProgram(b), b.TempDir(), benchMessages(b)
	program(b, dir, bin, "sample", "--users", "1600", "--rooms", "2600", "--messages", fmt.Sprint(n), "--files", "0", "export.tar.gz.aes")
	changeOneRecord(b, dir)
	b.Run("SQLite", func(b *testing.B) {
		for b.Loop() {
			work := b.TempDir()
			importTwice(b, bin, dir, work, filepath.Join(work, "data"), func(rows int64) time.Duration {
				return bareSQLite(b, filepath.Join(work, "data", "godwit.db"), rows)
			})
		}
	})
	b.Run("Postgres", func(b *testing.B) {
		for b.Loop() {
			work, dsn := b.TempDir(), testkit.Postgres(b)
			importTwice(b, bin, dir, work, dsn, func(int64) time.Duration { return barePostgres(b, dsn) })
		}
	})
}

// BenchmarkMemory shows that the memory of an import does not grow with its
// size: a tenth of the messages, and five times as many.
func BenchmarkMemory(b *testing.B) {
	bin, n := buildProgram(b), benchMessages(b)
	for _, messages := range []int{n / 10, 5 * n} {
		b.Run(fmt.Sprint(messages), func(b *testing.B) {
			dir := b.TempDir()
			program(b, dir, bin, "sample", "--users", "1600", "--rooms", "2600", "--messages", fmt.Sprint(messages), "--files", "0", "export.tar.gz.aes")
			for b.Loop() {
				work := b.TempDir()
				program(b, work, bin, "import", "--name", "bench", "--leave-index", "hipchat:"+filepath.Join(dir, "export.tar.gz.aes"), filepath.Join(work, "data"))
				r := readReport(b, work, "bench")
				if got := r.Counts[chat.KindMessage].Written; got != int64(messages) {
					b.Fatalf("%d messages were written of %d", got, messages)
				}
				b.ReportMetric(float64(r.PeakRSS)/1e6, "MB-peak")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

func importTwice(b *testing.B, bin, dir, work, target string, bare func(rows int64) time.Duration) {
	args := func(file string) []string {
		return []string{"import", "--name", "bench", "--source", "bench", "--files", filepath.Join(work, "files"), "hipchat:" + filepath.Join(dir, file), target}
	}
	all := program(b, work, bin, args("export.tar.gz.aes")...)
	first := readReport(b, work, "bench")
	rows := first.Counts[chat.KindMessage].Written
	var index time.Duration
	for _, p := range first.Phases {
		if p.Name == "search" {
			index = p.Ended.Sub(p.Started)
		}
	}
	took := all - index
	reference := bare(rows)
	again := program(b, work, bin, args("changed.tar.gz.aes")...)
	second := readReport(b, work, "bench")
	var written int64
	for _, c := range second.Counts {
		written += c.Written
	}
	b.ReportMetric(float64(rows)/took.Seconds(), "messages/s")
	b.ReportMetric(reference.Seconds()/took.Seconds(), "of-bare-load")
	b.ReportMetric(float64(rows)/reference.Seconds(), "bare-rows/s")
	b.ReportMetric(index.Seconds(), "s-until-searchable")
	b.ReportMetric(float64(first.PeakRSS)/1e6, "MB-peak")
	b.ReportMetric(float64(rows)/again.Seconds(), "again-messages/s")
	b.ReportMetric(float64(written), "again-written")
	b.ReportMetric(0, "ns/op")
	for _, p := range first.Phases {
		b.Logf("%s: %.2f s", p.Name, p.Ended.Sub(p.Started).Seconds())
	}
}

// changeOneRecord writes changed.tar.gz.aes: the same export, in which one
// letter of one message in the middle is another.
func changeOneRecord(b *testing.B, dir string) {
	shell(b, dir, `openssl enc -d -aes-256-cbc -md md5 -pass "pass:correct horse" -in export.tar.gz.aes 2>/dev/null | gunzip > changed.tar`)
	f, err := os.OpenFile(filepath.Join(dir, "changed.tar"), os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	window := make([]byte, 64<<20)
	from := info.Size() / 4 // where the rooms are: a 1-1 is there twice
	for at := from; ; at += int64(len(window)) / 2 {
		n, err := f.ReadAt(window, at)
		if n == 0 {
			b.Fatal("no message of a room behind the first quarter", err)
		}
		record := bytes.Index(window[:n], []byte(`{"UserMessage":`))
		if record < 0 {
			continue
		}
		text := bytes.Index(window[record:n], []byte(`"message":"`))
		letter := record + text + len(`"message":"`)
		if text < 0 || window[letter] == 'X' || window[letter] == '\\' || window[letter] >= 0x80 {
			at += int64(record) - int64(len(window))/2 + 1
			continue
		}
		if _, err := f.WriteAt([]byte("X"), at+int64(letter)); err != nil {
			b.Fatal(err)
		}
		break
	}
	shell(b, dir, `gzip -1 < changed.tar | openssl enc -aes-256-cbc -md md5 -pass "pass:correct horse" -out changed.tar.gz.aes 2>/dev/null && rm changed.tar`)
}

func shell(b *testing.B, dir, script string) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.Dir = dir
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatal(err, string(out))
	}
	return time.Since(start)
}

// barePostgres copies the messages into an empty table with the same indexes.
func barePostgres(b *testing.B, dsn string) time.Duration {
	ctx := b.Context()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	exec := func(q string) {
		if _, err := conn.Exec(ctx, q); err != nil {
			b.Fatal(err)
		}
	}
	rows, err := os.Create(filepath.Join(b.TempDir(), "rows"))
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	if _, err := conn.PgConn().CopyTo(ctx, rows, "COPY (SELECT * FROM messages ORDER BY pos) TO STDOUT (FORMAT binary)"); err != nil {
		b.Fatal(err)
	}
	exec("CREATE TABLE bare (LIKE messages INCLUDING ALL)")
	exec("CHECKPOINT")
	if _, err := rows.Seek(0, io.SeekStart); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if _, err := conn.PgConn().CopyFrom(ctx, rows, "COPY bare FROM STDIN (FORMAT binary)"); err != nil {
		b.Fatal(err)
	}
	took := time.Since(start)
	exec("DROP TABLE bare")
	return took
}

// bareSQLite inserts the messages into an empty table with the same indexes,
// through the same driver, 5,000 in a transaction.
func bareSQLite(b *testing.B, path string, n int64) time.Duration {
	ctx := b.Context()
	db := openBare(b, path)
	rows := allRows(b, db)
	if int64(len(rows)) < n {
		b.Fatalf("%d rows of %d", len(rows), n)
	}
	bare := openBare(b, filepath.Join(b.TempDir(), "bare.db"))
	ddl, err := db.QueryContext(ctx, `SELECT sql FROM sqlite_master WHERE tbl_name = 'messages' AND sql IS NOT NULL ORDER BY rootpage`)
	if err != nil {
		b.Fatal(err)
	}
	defer ddl.Close()
	for ddl.Next() {
		var q string
		if err := ddl.Scan(&q); err != nil {
			b.Fatal(err)
		}
		if _, err := bare.ExecContext(ctx, q); err != nil {
			b.Fatal(err)
		}
	}
	insert := "INSERT INTO messages VALUES (" + strings.TrimSuffix(strings.Repeat("?,", len(rows[0])), ",") + ")"
	start := time.Now()
	for len(rows) > 0 {
		k := min(5000, len(rows))
		if err := insertAll(ctx, bare, insert, rows[:k]); err != nil {
			b.Fatal(err)
		}
		rows = rows[k:]
	}
	return time.Since(start)
}

func openBare(b *testing.B, path string) *sql.DB {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=cache_size(-65536)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

func allRows(b *testing.B, db *sql.DB) (all [][]any) {
	rows, err := db.QueryContext(b.Context(), "SELECT * FROM messages ORDER BY pos")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
		row, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			b.Fatal(err)
		}
		all = append(all, row)
	}
	return all
}

func insertAll(ctx context.Context, db *sql.DB, insert string, rows [][]any) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	stmt, err := tx.PrepareContext(ctx, insert)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// BenchmarkFiles imports 20,000 attachments of 25 KB from an archive that is
// not encrypted, and compares with tar -x and a sync of the same disk.
func BenchmarkFiles(b *testing.B) {
	const files, size = 20_000, 25_000
	bin, dir := buildProgram(b), b.TempDir()
	program(b, dir, bin, "sample", "--users", "50", "--rooms", "50", "--messages", fmt.Sprint(files), "--files", fmt.Sprint(files), "--bytes", fmt.Sprint(files*size), "export.tar")
	for b.Loop() {
		reference := shell(b, b.TempDir(), "tar -xf "+filepath.Join(dir, "export.tar")+" && sync -f .")
		work := b.TempDir()
		took := program(b, work, bin, "import", "--name", "bench", "--leave-index", "hipchat:"+filepath.Join(dir, "export.tar"), filepath.Join(work, "data"))
		r := readReport(b, work, "bench")
		b.ReportMetric(float64(r.Counts[chat.KindContent].Written)/took.Seconds(), "files/s")
		b.ReportMetric(reference.Seconds()/took.Seconds(), "of-tar+sync")
		b.ReportMetric(float64(r.PeakRSS)/1e6, "MB-peak")
		b.ReportMetric(0, "ns/op")
	}
}
