package jsontext
