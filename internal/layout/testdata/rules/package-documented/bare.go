// A comment that a blank line separates documents nothing.

package fixture // want
