// Package deploy holds starters for workers on Docker, Kubernetes and ECS. It has no code
// to import; its tests hold the manifests to what docs/deploy.md says.
package deploy
