package taskhawk

import "reflect"

// taggedTypes returns the struct types reachable from t, each once, if any of them has a validate tag; otherwise none.
func taggedTypes(t reflect.Type) []reflect.Type {
	w := typeWalk{seen: map[reflect.Type]bool{}}
	w.visit(t)
	if !w.tagged {
		return nil
	}
	return w.structs
}

type typeWalk struct {
	seen    map[reflect.Type]bool
	structs []reflect.Type
	tagged  bool
}

func (w *typeWalk) visit(t reflect.Type) {
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		w.visit(t.Elem())
	case reflect.Map:
		w.visit(t.Key())
		w.visit(t.Elem())
	case reflect.Struct:
		w.visitStruct(t)
	default:
	}
}

func (w *typeWalk) visitStruct(t reflect.Type) {
	w.structs = append(w.structs, t)
	for field := range t.Fields() {
		if !field.IsExported() && !field.Anonymous {
			continue
		}
		if _, ok := field.Tag.Lookup("validate"); ok {
			w.tagged = true
		}
		w.visit(field.Type)
	}
}

// filled returns a pointer to a t with every field set to something that is not zero, so that tags which are passed over
// on zero values are tried too. Below the depth of one struct it fills only containers: nested structs are tried by
// themselves.
func filled(t reflect.Type) reflect.Value {
	sample := reflect.New(t)
	for i := range t.NumField() {
		if field := sample.Elem().Field(i); field.CanSet() {
			fill(field, 3)
		}
	}
	return sample
}

func fill(v reflect.Value, depth int) {
	if depth == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("a")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth-1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth-1)
	case reflect.Map:
		fillMap(v, depth)
	default:
		fillNumber(v)
	}
}

func fillNumber(v reflect.Value) {
	switch {
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	case v.CanFloat():
		v.SetFloat(1)
	}
}

func fillMap(v reflect.Value, depth int) {
	key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	fill(key, depth-1)
	fill(value, depth-1)
	v.Set(reflect.MakeMap(v.Type()))
	v.SetMapIndex(key, value)
}
