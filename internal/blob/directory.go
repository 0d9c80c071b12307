package blob

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// directory is an open directory in which a file is made, found or named with
// one call to the system: os.Root opens every directory on the way there and
// closes it again, which takes longer than storing a small file. The names are
// this package's, made of numbers and hashes, and never a source's.
type directory struct{ f *os.File }

func openDirectory(root *os.Root, name string) (directory, error) {
	f, err := root.Open(name)
	return directory{f}, err
}

// create makes a file that is not there. Of one that it fails to write the
// beginning may be left.
func (d directory) create(name string, data []byte) error {
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Openat(int(d.f.Fd()), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return &os.PathError{Op: "create", Path: name, Err: err}
	}
	for len(data) > 0 && err == nil {
		err = again(func() error {
			n, err := unix.Write(fd, data)
			data = data[max(n, 0):]
			return err
		})
	}
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return &os.PathError{Op: "write", Path: name, Err: err}
	}
	return nil
}

// size returns how long a plain file is; -1 if there is none.
func (d directory) size(name string) int64 {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstatat(int(d.f.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return -1
	}
	return st.Size
}

func (d directory) rename(name string, to directory, newName string) error {
	err := again(func() error { return unix.Renameat(int(d.f.Fd()), name, int(to.f.Fd()), newName) })
	if err != nil {
		return &os.LinkError{Op: "rename", Old: name, New: newName, Err: err}
	}
	return nil
}

func (d directory) close() error { return d.f.Close() }

// again repeats a call that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
