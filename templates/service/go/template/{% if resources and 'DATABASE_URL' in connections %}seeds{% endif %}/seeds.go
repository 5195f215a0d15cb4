// Package seeds holds rows to begin with, as SQL.
package seeds

import "embed"

// Files are applied in the order of their names.
//
//go:embed *.sql
var Files embed.FS
