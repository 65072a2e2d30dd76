package codec_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

func TestSnakeCase(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"To": "to", "FromEmail": "from_email", "HTTPServer": "http_server", "UserID": "user_id", "ID": "id", "A": "a", "ABTest": "ab_test",
		"OAuth2Token": "o_auth2_token", "S3Key": "s3_key", "Sha256Sum": "sha256_sum", "UserIDs": "user_ids", "URLsByHost": "urls_by_host",
		"From_Email": "from_email", "X_Y": "x_y", "Ünïcode": "ünïcode", "ÄÖÜber": "äö_über", "Is": "is", "AsOf": "as_of", "HTTPServers": "http_servers",
	} {
		require.Equal(t, want, codec.SnakeCase(in), in)
	}
}

func TestParams(t *testing.T) {
	t.Parallel()
	type args struct {
		UserID  int64
		Tagged  string            `taskhawk:"other-name"`
		JSON    string            `json:"from_json"`
		Both    string            `json:"loses"  taskhawk:"wins"`
		Keyword bool              `taskhawk:",kw"`
		Maybe   *time.Time        `taskhawk:"maybe,kw,optional"`
		Bad     int               `json:"\\"` //nolint:staticcheck // encoding/json ignores such a name, and so do we
		Skipped string            `taskhawk:"-"`
		JSkip   string            `json:"-"`
		Unskip  string            `json:"-"      taskhawk:"unskip,optional"`
		JSkipKw string            `json:"-"      taskhawk:",kw"`
		Extra   map[string]string `taskhawk:",rest"`
		hidden  int
	}
	_ = args{hidden: 1}
	text := reflect.TypeFor[string]()
	params := of[args](t).Params()
	for i, p := range params {
		require.Equal(t, p.Type, p.Struct.FieldByIndex(p.Index).Type)
		params[i].Struct, params[i].Index = nil, nil
	}
	require.Equal(t, []codec.Param{
		{Name: "user_id", Field: "UserID", Type: reflect.TypeFor[int64]()},
		{Name: "other-name", Field: "Tagged", Type: text},
		{Name: "from_json", Field: "JSON", Type: text},
		{Name: "wins", Field: "Both", Type: text},
		{Name: "keyword", Field: "Keyword", Kind: codec.KeywordOnly, Type: reflect.TypeFor[bool]()},
		{Name: "maybe", Field: "Maybe", Kind: codec.KeywordOnly, Optional: true, Type: reflect.TypeFor[*time.Time]()},
		{Name: "bad", Field: "Bad", Type: reflect.TypeFor[int]()},
		{Name: "unskip", Field: "Unskip", Optional: true, Type: text},
		{Name: "extra", Field: "Extra", Kind: codec.Rest, Optional: true, Type: reflect.TypeFor[map[string]string]()},
	}, params)
}

func TestParamsAreTheCallers(t *testing.T) {
	t.Parallel()
	c := of[sendEmail](t)
	c.Params()[0].Name = "changed"
	require.Equal(t, "to", c.Params()[0].Name)
	require.Nil(t, of[struct{}](t).Params())
}

func TestParamKindString(t *testing.T) {
	t.Parallel()
	require.Equal(t, "positional keyword-only rest", codec.Positional.String()+" "+codec.KeywordOnly.String()+" "+codec.Rest.String())
}

// Level2 and Level1 are embedded in one another.
type Level2 struct {
	Deepest string
	Name    string
}

// Level1 embeds a pointer.
type Level1 struct {
	First int
	*Level2
	Last int `taskhawk:",optional"`
}

type embeds struct {
	Name string // hides Level2.Name
	Level1
	*Opt
	Inner Level2 `taskhawk:"inner,kw"`
	Base  `json:"base"`
}

// Opt has only optional parameters.
type Opt struct {
	Flag bool `taskhawk:",kw,optional"`
}

func TestEmbeddedStructsAreFlattened(t *testing.T) {
	t.Parallel()
	var names, fields []string
	for _, p := range of[embeds](t).Params() {
		names, fields = append(names, p.Name), append(fields, p.Field)
	}
	require.Equal(t, []string{"name", "first", "deepest", "last", "flag", "inner", "base"}, names)
	require.Equal(t, []string{"Name", "Level1.First", "Level1.Level2.Deepest", "Level1.Last", "Opt.Flag", "Inner", "Base"}, fields)
}

func TestEmbeddedPointersAreAllocatedOnDemand(t *testing.T) {
	t.Parallel()
	got, err := decode[embeds](t, `["n",1]`, `{"deepest":"d","inner":{"Deepest":"i"},"base":{"id":5}}`)
	require.NoError(t, err)
	require.Equal(t, embeds{Name: "n", Level1: Level1{First: 1, Level2: &Level2{Deepest: "d"}}, Inner: Level2{Deepest: "i"}, Base: Base{ID: 5}}, got)
	got, err = decode[embeds](t, `["n",1,"d"]`, `{"flag":false,"inner":{},"base":{}}`)
	require.NoError(t, err)
	require.NotNil(t, got.Opt, "a parameter of it was given")
}

func TestEmbeddedNilPointerEncodesAsZero(t *testing.T) {
	t.Parallel()
	require.Equal(t, `"args":["n",1,""],"kwargs":{"inner":{"Deepest":"","Name":""},"base":{"id":0,"Shadow":""}}`,
		encode(t, embeds{Name: "n", Level1: Level1{First: 1}}))
	require.Equal(t, `"args":["n",1,"d"],"kwargs":{"last":2,"flag":true,"inner":{"Deepest":"","Name":""},"base":{"id":0,"Shadow":""}}`,
		encode(t, embeds{Name: "n", Level1: Level1{1, &Level2{Deepest: "d"}, 2}, Opt: &Opt{Flag: true}}))
}

// always and never have their own idea of zero.
type (
	always int
	never  struct{ X *int }
)

func (always) IsZero() bool { return true }
func (*never) IsZero() bool { return false }

func TestOptionalIsLeftOutWhenZero(t *testing.T) {
	t.Parallel()
	type zeros struct {
		B   bool              `taskhawk:",optional"`
		I   int8              `taskhawk:",optional"`
		U   uint16            `taskhawk:",optional"`
		F   float64           `taskhawk:",optional"`
		S   string            `taskhawk:",optional"`
		P   *int              `taskhawk:",optional"`
		L   []int             `taskhawk:",optional"`
		M   map[string]string `taskhawk:",optional"`
		A   [2]int            `taskhawk:",optional"`
		N   Level2            `taskhawk:",optional"`
		T   time.Time         `taskhawk:",optional"`
		Any any               `taskhawk:",optional"`
		Z   always            `taskhawk:",optional"`
		PZ  *always           `taskhawk:",optional"`
		Nev never             `taskhawk:",optional"`
	}
	require.Equal(t, `"args":[],"kwargs":{"nev":{"X":null}}`, encode(t, zeros{F: math.Copysign(0, -1), T: time.Time{}.In(time.FixedZone("", 3600)), Z: 7}))
	z := always(1)
	require.Equal(t, `"args":[],"kwargs":{"l":[],"m":{},"any":0,"nev":{"X":null}}`,
		encode(t, zeros{L: []int{}, M: map[string]string{}, Any: 0, PZ: &z}))
	one := 1
	require.Equal(t, `"args":[],"kwargs":{"b":true,"i":1,"u":1,"f":0.5,"s":"x","p":1,"a":[0,1],"n":{"Deepest":"","Name":"n"},"t":"2024-01-01T00:00:00Z","nev":{"X":null}}`,
		encode(t, zeros{true, 1, 1, 0.5, "x", &one, nil, nil, [2]int{0, 1}, Level2{Name: "n"}, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), nil, 0, nil, never{}}))
}
