// Package blob keeps the bytes of files, by hash, in a directory or in S3.
package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Dir keeps bytes in a directory: sha256/ab/abcd…, written once, never
// changed. A file is there whole and for good, or not at all: it is staged in
// a directory of this process, made durable by Flush, and only then given its
// name. Several processes may use one directory.
type Dir struct {
	root   *os.Root
	stage  string    // this process's directory of files that are not durable yet
	staged directory // the same, open
	shards directory // of those that are

	mu       sync.Mutex
	fresh    map[string]string // hashes that are not durable, and their names in stage; "" if it has its own already
	broken   map[string]bool   // hashes whose bytes Check found damaged: the next Put replaces them
	sums     map[chat.Key]sum  // of uploads that are arriving
	arriving map[string]sum    // of files that come from another place, by their hash
	next     int

	flush sync.Mutex      // one Flush at a time
	named map[string]bool // directories with names in them that may not be durable yet
	known sync.Map        // names of the shards that exist
}

const (
	shardDir = "sha256"
	stageDir = "stage"
	// small is the size up to which a file is read whole before anything is
	// written, so that bytes which are there already cost no write.
	small = 1 << 20
	// staleStage is the age after which the stage of a process that died is
	// removed.
	staleStage = 24 * time.Hour
)

// OpenDir opens the directory, and makes it if it does not exist.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, diskError("make the directory of files", path, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, diskError("open the directory of files", path, err)
	}
	d := &Dir{root: root, fresh: map[string]string{}, named: map[string]bool{}, broken: map[string]bool{}, stage: filepath.Join(stageDir, fmt.Sprintf("%d-%s", os.Getpid(), rand.Text()[:8]))}
	for _, dir := range []string{shardDir, stageDir, partsDir, incomingDir, d.stage} {
		if err := root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, errors.Join(diskError("make", dir, err), root.Close())
		}
	}
	if d.staged, err = openDirectory(root, d.stage); err == nil {
		d.shards, err = openDirectory(root, shardDir)
	}
	if err != nil {
		return nil, errors.Join(diskError("open the directory of files", path, err), root.Close())
	}
	d.removeStale()
	d.removeStaleIncoming()
	return d, nil
}

// removeStale removes what processes that died left in the stage. Only the
// stage is looked at: opening takes no longer with more files.
func (d *Dir) removeStale() {
	list, err := fs.ReadDir(d.root.FS(), stageDir)
	if err != nil {
		return
	}
	for _, e := range list {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleStage {
			_ = d.root.RemoveAll(filepath.Join(stageDir, e.Name())) // tried again at the next start
		}
	}
}

// Close removes what was staged and not flushed.
func (d *Dir) Close() error {
	return errors.Join(d.staged.close(), d.shards.close(), d.root.RemoveAll(d.stage), d.root.Close())
}

// Put stages the bytes of r and returns their SHA-256 in hex. They are there
// after the next Flush. If size is not negative, r must have just so many. It
// may be called from several goroutines; the same bytes twice are kept once.
// It fails with Damaged if r ends early or late and Full if the disk is full.
func (d *Dir) Put(ctx context.Context, r io.Reader, size int64) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if size >= 0 && size <= small {
		data, err := readSmall(r, size)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(data)
		name := hex.EncodeToString(sum[:])
		if d.has(name, size) {
			return name, nil
		}
		return name, d.write(name, data)
	}
	return d.putLarge(ctx, r, size)
}

// readSmall reads just so many bytes, or takes them from a reader that has
// them in memory.
func readSmall(r io.Reader, size int64) ([]byte, error) {
	if held, ok := r.(interface{ Whole() []byte }); ok {
		data := held.Whole()
		switch n := int64(len(data)); {
		case n < size:
			return nil, shortError(io.ErrUnexpectedEOF, size)
		case n > size:
			return nil, longError(size)
		}
		return data, nil
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, shortError(err, size)
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 {
		return nil, longError(size)
	} else if err != nil && err != io.EOF {
		return nil, err
	}
	return data, nil
}

func (d *Dir) putLarge(ctx context.Context, r io.Reader, size int64) (string, error) {
	tmp := d.tempName()
	h := sha256.New()
	n, err := d.copyTo(tmp, &hashReader{ctx, r, h})
	if err == nil && size >= 0 && n != size {
		err = longError(size)
		if n < size {
			err = shortError(io.ErrUnexpectedEOF, size)
		}
	}
	if err != nil {
		return "", errors.Join(err, d.remove(tmp))
	}
	name := hex.EncodeToString(h.Sum(nil))
	if d.has(name, n) {
		return name, d.remove(tmp)
	}
	return name, d.add(name, tmp)
}

type hashReader struct {
	ctx context.Context
	r   io.Reader
	h   hash.Hash
}

func (h *hashReader) Read(p []byte) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := h.r.Read(p)
	h.h.Write(p[:n])
	return n, err
}

// tempName is a name in the stage that was not given before.
func (d *Dir) tempName() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	return strconv.Itoa(d.next)
}

func (d *Dir) remove(tmp string) error { return d.root.Remove(filepath.Join(d.stage, tmp)) }

func (d *Dir) write(name string, data []byte) error {
	tmp := d.tempName()
	if err := d.staged.create(tmp, data); err != nil {
		return errors.Join(diskError("write", tmp, err), d.remove(tmp))
	}
	return d.add(name, tmp)
}

func (d *Dir) copyTo(tmp string, r io.Reader) (int64, error) {
	f, err := d.root.OpenFile(filepath.Join(d.stage, tmp), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, diskError("write", tmp, err)
	}
	n, err := io.Copy(f, r)
	if err != nil {
		return n, errors.Join(diskError("write", tmp, err), f.Close())
	}
	return n, diskError("write", tmp, f.Close())
}

// add remembers a staged file; a second one with the same bytes is dropped.
func (d *Dir) add(name, tmp string) error {
	d.mu.Lock()
	_, twice := d.fresh[name]
	if !twice {
		d.fresh[name] = tmp
	}
	d.mu.Unlock()
	if twice {
		return d.remove(tmp)
	}
	return nil
}

// has reports whether the bytes are there or staged. A file of another size
// is not those bytes: it is replaced.
func (d *Dir) has(name string, size int64) bool {
	d.mu.Lock()
	_, staged := d.fresh[name]
	broken := d.broken[name]
	d.mu.Unlock()
	if staged || broken {
		return staged
	}
	return d.shards.size(inShard(name)) == size
}

// inShard is where a hash is within the directory of those that are there.
func inShard(name string) string { return name[:2] + "/" + name }

func filePath(name string) string { return filepath.Join(shardDir, name[:2], name) }

// fewFiles is up to how many files it is cheaper to sync each than the whole
// file system.
const fewFiles = 8

// Flush makes everything durable that was put before the call, and visible to
// Open. If it fails, it can be called again.
func (d *Dir) Flush(ctx context.Context) error {
	d.flush.Lock()
	defer d.flush.Unlock()
	d.mu.Lock()
	batch := make(map[string]string, len(d.fresh))
	for name, tmp := range d.fresh {
		batch[name] = tmp
	}
	d.mu.Unlock()
	if len(batch)+len(d.named) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.sync(batch); err != nil {
		return err
	}
	if err := d.name(batch); err != nil {
		return err
	}
	if err := d.syncDirs(d.named); err != nil {
		return err
	}
	clear(d.named)
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range batch {
		delete(d.fresh, name)
	}
	return nil
}

// Settled reports whether none of the hashes waits for a Flush.
func (d *Dir) Settled(names []string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !slices.ContainsFunc(names, func(name string) bool { _, waits := d.fresh[name]; return waits })
}

// name gives staged files their names, one directory after the other.
func (d *Dir) name(batch map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(batch)) {
		if batch[name] == "" {
			continue // named by a flush that failed later
		}
		dir := filepath.Dir(filePath(name))
		if err := d.makeShard(dir); err != nil {
			return err
		}
		if err := d.staged.rename(batch[name], d.shards, inShard(name)); err != nil {
			return diskError("name", name, err)
		}
		d.named[dir] = true
		d.mu.Lock()
		d.fresh[name] = ""
		delete(d.broken, name)
		d.mu.Unlock()
	}
	return nil
}

// sync makes the bytes of staged files durable before they get their names.
func (d *Dir) sync(batch map[string]string) error {
	if len(batch) > fewFiles {
		return d.syncAll()
	}
	for _, tmp := range batch {
		if tmp == "" {
			continue
		}
		if err := d.syncOne(filepath.Join(d.stage, tmp)); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dir) syncDirs(dirs map[string]bool) error {
	if len(dirs) > fewFiles {
		return d.syncAll()
	}
	for dir := range dirs {
		if err := d.syncOne(dir); err != nil {
			return err
		}
	}
	return d.syncOne(shardDir)
}

func (d *Dir) syncOne(name string) error {
	f, err := d.root.Open(name)
	if err != nil {
		return diskError("sync", name, err)
	}
	return errors.Join(diskError("sync", name, f.Sync()), f.Close())
}

func (d *Dir) syncAll() error {
	f, err := d.root.Open(".")
	if err != nil {
		return diskError("sync", d.root.Name(), err)
	}
	return errors.Join(diskError("sync", d.root.Name(), unix.Syncfs(int(f.Fd()))), f.Close())
}

func (d *Dir) makeShard(dir string) error {
	if _, ok := d.known.Load(dir); ok {
		return nil
	}
	if err := d.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return diskError("make", dir, err)
	}
	d.known.Store(dir, true)
	return nil
}

// Open opens the bytes of a hash. It fails with NotFound.
func (d *Dir) Open(name string) (*os.File, error) {
	if !isHash(name) {
		return nil, chat.Errorf(chat.Invalid, "%q is not a SHA-256", name)
	}
	f, err := d.root.Open(filePath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, chat.Errorf(chat.NotFound, "the bytes of file %s are not here", name)
	}
	return f, diskError("open", name, err)
}

// Has reports which of the hashes are there, those found damaged left out.
func (d *Dir) Has(names []string) map[string]bool {
	there := map[string]bool{}
	for _, name := range names {
		d.mu.Lock()
		broken := d.broken[name]
		d.mu.Unlock()
		if isHash(name) && !broken && d.shards.size(inShard(name)) >= 0 {
			there[name] = true
		}
	}
	return there
}

// Check reads the bytes of a hash and hashes them again. It fails with
// NotFound or Damaged; damaged bytes are replaced when they are put again.
func (d *Dir) Check(ctx context.Context, name string) error {
	f, err := d.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	h := sha256.New()
	if _, err := io.Copy(io.Discard, &hashReader{ctx, f, h}); err != nil {
		return diskError("read", name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != name {
		d.mu.Lock()
		d.broken[name] = true
		d.mu.Unlock()
		return chat.Errorf(chat.Damaged, "the bytes of file %s hash to %s", name, got).
			WithHint("the disk or a program changed them; import the source again to mend it")
	}
	return nil
}

// Free returns the bytes that are left on the disk.
func (d *Dir) Free() (int64, error) { return Free(d.root.Name()) }

// Free returns the bytes that are left on the disk that a directory is on.
func Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, diskError("look at", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

func isHash(name string) bool {
	if len(name) != sha256.Size*2 {
		return false
	}
	for _, c := range []byte(name) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func shortError(err error, size int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return chat.Errorf(chat.Damaged, "a file of %d bytes ends early", size)
	}
	return err
}

func longError(size int64) error {
	return chat.Errorf(chat.Damaged, "a file of %d bytes goes on after its end", size)
}

// diskError makes the operating system's error one for a person. An error
// that already is one, and none at all, stay as they are.
func diskError(step, what string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return chat.Errorf(chat.Full, "%s %s: no space is left on the disk of files", step, what).
			WithHint("make room and run the same line again: it goes on where it stopped")
	}
	return fmt.Errorf("%s %s: %w", step, what, err)
}
