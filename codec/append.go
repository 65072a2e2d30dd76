package codec

// append writes both members of the envelope; the first leading parameters go to args, all others to kwargs.
func (sig *signature) append(dst []byte, p place, leading int) ([]byte, error) {
	w := sig.walks.get()
	done, err := sig.appendArgs(dst, p, leading, w)
	if err == nil {
		done, err = sig.appendKwargs(done, p, leading, w)
	}
	sig.walks.put(w)
	if err != nil {
		return dst, err.settled()
	}
	return done, nil
}

func (sig *signature) appendArgs(dst []byte, p place, leading int, w *walk) ([]byte, *Error) {
	dst = append(dst, `"args":[`...)
	for i := range sig.params[:leading] {
		f := &sig.params[i]
		var err *Error
		if dst, err = f.enc.encode(dst, f.place(p), w); err != nil {
			return dst, err.underIndex(i).of(f.Name, "args")
		}
		dst = append(dst, ',')
	}
	return closeArray(dst), nil
}

func (sig *signature) appendKwargs(dst []byte, p place, leading int, w *walk) ([]byte, *Error) {
	dst = append(dst, `,"kwargs":`...)
	start := len(dst)
	for i := range sig.params[leading:] {
		f := &sig.params[leading+i]
		at := f.place(p)
		if f.Optional && f.zero(at) {
			continue
		}
		dst = f.key.append(dst)
		var err *Error
		if dst, err = f.enc.encode(dst, at, w); err != nil {
			return dst, err.of(f.Name, "kwargs."+f.Name)
		}
	}
	if sig.rest != nil {
		var err *Error
		if dst, err = sig.rest.append(dst, p, sig, w); err != nil {
			return dst, err
		}
	}
	return closeObject(dst, start), nil
}
