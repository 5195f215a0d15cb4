"""The Go client: one package on the standard library, with contexts, generics and iterators."""
