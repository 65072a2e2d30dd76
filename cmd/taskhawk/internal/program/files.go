package program

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenInput opens a file to read; "-" is the standard input. A file that cannot be opened
// is wrong usage.
func (p *Program) OpenInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(p.In), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, Usagef("%w", err)
	}
	return file, nil
}

// CreateNew creates a file that only its owner may read. A file that exists is not
// replaced.
func CreateNew(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, Usagef("file %s exists and is not replaced: give another name", name)
	}
	return file, err
}

// Replace writes a file so that at any time, also after a crash, it has either all of the
// old content or all of the new.
func Replace(name string, content []byte) (err error) {
	folder := filepath.Dir(name)
	file, err := os.CreateTemp(folder, "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	if _, err := file.Write(content); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return err
	}
	return SyncFolder(folder)
}

// SyncFolder makes the names in a folder last over a crash.
func SyncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
