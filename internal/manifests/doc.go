// Package manifests holds the check of the manifests in examples against the schemas of
// their services; it has no code to import. It is a module by itself for the sake of the
// modules that it requires.
package manifests
