package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Bucket keeps named objects below a prefix in S3, or what speaks like it. An
// object is there whole and for good when a call that puts it returns.
type Bucket struct {
	client         *minio.Client
	name, bucket   string
	prefix         string
	transportClose func()
}

// The environment that says where and who: the variables that other programs
// for S3 read too.
const (
	envEndpoint = "AWS_ENDPOINT_URL"
	envRegion   = "AWS_REGION"
)

// OpenBucket opens s3://BUCKET/PREFIX. The endpoint is that in
// AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, or Amazon's; the keys are those in
// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in the files and services that
// programs for S3 ask.
func OpenBucket(_ context.Context, address string) (*Bucket, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, chat.Errorf(chat.Invalid, "%q is not a place in S3", address).WithHint("it looks like s3://BUCKET/PREFIX; keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the server from AWS_ENDPOINT_URL")
	}
	endpoint := os.Getenv(envEndpoint + "_S3")
	if endpoint == "" {
		endpoint = os.Getenv(envEndpoint)
	}
	if endpoint == "" {
		endpoint = "https://s3.amazonaws.com"
	}
	e, err := url.Parse(endpoint)
	if err != nil || e.Host == "" || e.Scheme != "http" && e.Scheme != "https" || strings.Trim(e.Path, "/") != "" {
		return nil, chat.Errorf(chat.Invalid, "%s is %q, which is not the address of a server", envEndpoint, endpoint).WithHint("it looks like https://s3.example.org")
	}
	transport, err := minio.DefaultTransport(e.Scheme == "https")
	if err != nil {
		return nil, err
	}
	client, err := minio.New(e.Host, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: &http.Client{Transport: transport}},
		}),
		Secure: e.Scheme == "https", Transport: transport, Region: os.Getenv(envRegion), MaxRetries: 5,
	})
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "%s: %w", address, err)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &Bucket{client: client, name: address, bucket: u.Host, prefix: prefix, transportClose: transport.CloseIdleConnections}, nil
}

// Close lets go of the connections.
func (b *Bucket) Close() { b.transportClose() }

// Get reads an object. It fails with NotFound.
func (b *Bucket) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	o, err := b.client.GetObject(ctx, b.bucket, b.prefix+name, minio.GetObjectOptions{})
	if err == nil {
		_, err = o.Stat() // the request is made here
	}
	if err != nil {
		return nil, b.fail("read", name, err)
	}
	return &object{b, name, o}, nil
}

type object struct {
	b    *Bucket
	name string
	o    *minio.Object
}

func (o *object) Read(p []byte) (int, error) {
	n, err := o.o.Read(p)
	if err != nil && err != io.EOF {
		err = o.b.fail("read", o.name, err)
	}
	return n, err
}

func (o *object) Close() error { return o.o.Close() }

// partSize is what is sent at once, and in memory for each object under way.
const partSize = 8 << 20

// Put keeps an object of a known size. The same name again replaces it.
// What is sent at once is in memory first: so it can be sent again.
func (b *Bucket) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	if size <= partSize {
		data := make([]byte, size)
		if n, err := io.ReadFull(r, data); err != nil {
			return shortError(err, int64(n))
		}
		_, err := b.client.PutObject(ctx, b.bucket, b.prefix+name, bytes.NewReader(data), size, minio.PutObjectOptions{ContentType: "application/octet-stream"})
		return b.fail("write", name, err)
	}
	exact := &exactly{r: r, left: size}
	_, err := b.client.PutObject(ctx, b.bucket, b.prefix+name, exact, size, minio.PutObjectOptions{
		PartSize: uint64(max(partSize, size/9000)), NumThreads: 1, ContentType: "application/octet-stream",
	})
	if exact.err != nil {
		return exact.err
	}
	return b.fail("write", name, err)
}

// exactly keeps the reader's own error, which the client would call its own.
type exactly struct {
	r    io.Reader
	left int64
	err  error
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	switch {
	case err == io.EOF && e.left > 0:
		e.err = shortError(io.EOF, e.left)
		return n, e.err
	case err != nil && err != io.EOF:
		e.err = err
	}
	return n, err
}

// PutNew keeps a small object, if there is none of the name. Otherwise it fails
// with Conflict.
func (b *Bucket) PutNew(ctx context.Context, name string, data []byte) error {
	o := minio.PutObjectOptions{ContentType: "application/octet-stream"}
	o.SetMatchETagExcept("*")
	_, err := b.client.PutObject(ctx, b.bucket, b.prefix+name, bytes.NewReader(data), int64(len(data)), o)
	return b.fail("write", name, err)
}

// Swap keeps a small object in place of one that is still as it was read, by
// its tag. Otherwise it fails with Conflict.
func (b *Bucket) Swap(ctx context.Context, name, tag string, data []byte) error {
	o := minio.PutObjectOptions{ContentType: "application/octet-stream"}
	o.SetMatchETag(tag)
	_, err := b.client.PutObject(ctx, b.bucket, b.prefix+name, bytes.NewReader(data), int64(len(data)), o)
	return b.fail("write", name, err)
}

// Look reads a small object and its tag.
func (b *Bucket) Look(ctx context.Context, name string) (data []byte, tag string, err error) {
	o, err := b.client.GetObject(ctx, b.bucket, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, "", b.fail("read", name, err)
	}
	defer o.Close() //nolint:errcheck // only read
	info, err := o.Stat()
	if err != nil {
		return nil, "", b.fail("read", name, err)
	}
	data, err = io.ReadAll(io.LimitReader(o, 1<<20))
	return data, info.ETag, b.fail("read", name, err)
}

// List lists the names of objects that begin with a folder's name.
func (b *Bucket) List(ctx context.Context, folder string) (names []string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range b.client.ListObjects(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix + folder, Recursive: true}) {
		if o.Err != nil {
			return nil, b.fail("list", folder, o.Err)
		}
		names = append(names, strings.TrimPrefix(o.Key, b.prefix))
	}
	return names, ctx.Err()
}

// Remove removes an object. One that is not there is no error.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	err := b.fail("remove", name, b.client.RemoveObject(ctx, b.bucket, b.prefix+name, minio.RemoveObjectOptions{}))
	if chat.IsKind(err, chat.NotFound) {
		return nil
	}
	return err
}

// fail makes an error of S3's one for a person.
func (b *Bucket) fail(step, what string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	answer := minio.ToErrorResponse(err)
	switch answer.Code {
	case minio.NoSuchKey:
		return chat.Errorf(chat.NotFound, "%s: there is no %s", b.name, what)
	case minio.NoSuchBucket:
		return chat.Errorf(chat.Invalid, "there is no bucket %q", b.bucket).WithHint("make it, or mend the name")
	case minio.PreconditionFailed, "ConditionalRequestConflict":
		return chat.Errorf(chat.Conflict, "%s: %s changed meanwhile", b.name, what)
	case minio.AccessDenied, "AllAccessDisabled":
		return chat.Errorf(chat.Denied, "%s %s in %s: the keys may not do that", step, what, b.name).WithHint("give them the rights to list, read, write and delete below the prefix")
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidTokenId":
		return chat.Errorf(chat.Unknown, "%s does not accept the keys: %s", b.name, answer.Code).WithHint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL if it is not Amazon's")
	case "QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "XMinioAdminBucketQuotaExceeded":
		return chat.Errorf(chat.Full, "%s %s in %s: no space is left", step, what, b.name).WithHint("make room and run the same line again")
	}
	if _, ok := errors.AsType[net.Error](err); ok || answer.StatusCode >= 500 {
		return chat.Errorf(chat.Unavailable, "%s %s in %s: %w", step, what, b.name, err).WithHint("see that the server answers, then run the same line again")
	}
	return fmt.Errorf("%s %s in %s: %w", step, what, b.name, err)
}
