// Package fixture_test is documented, but tests do not count.
package fixture_test
