// Package cli reads the command line of taskhawk and runs its commands.
package cli
