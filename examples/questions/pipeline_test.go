package questions_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

type (
	uploadArgs    struct{ Path string }
	thumbnailArgs struct {
		Path string
		Size int
	}
)

// Upload dispatches a Thumbnail for each size.
var (
	Upload    = taskhawk.New("media.upload", upload)
	Thumbnail = taskhawk.New[thumbnailArgs]("media.thumbnail", nil)
)

func upload(ctx context.Context, args uploadArgs) error {
	for _, size := range []int{64, 256} {
		if _, err := Thumbnail.Dispatch(ctx, thumbnailArgs{args.Path, size}); err != nil {
			return err
		}
	}
	return nil
}

// How do I test tasks that dispatch tasks? A pipeline runs them until nothing is left,
// retries included, in the process of the test.
func TestUploadMakesThumbnails(t *testing.T) {
	t.Parallel()
	var made []string
	thumbnail := Thumbnail.WithHandler(func(ctx context.Context, args thumbnailArgs) error {
		if args.Size == 256 && taskhawk.MetadataFrom(ctx).Attempt == 1 {
			return taskhawk.RetryAfter(0, fmt.Errorf("out of memory"))
		}
		made = append(made, fmt.Sprintf("%s %d", args.Path, args.Size))
		return nil
	})
	ctx, pipeline := taskhawktest.NewPipeline(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{Upload, thumbnail}})
	_, err := Upload.Dispatch(ctx, uploadArgs{Path: "a.png"})
	require.NoError(t, err)
	pipeline.RunUntilIdle()
	require.ElementsMatch(t, []string{"a.png 64", "a.png 256"}, made, "in any order")
}
