// Package questions answers questions by whole-file examples; README.md lists them.
package questions_test
