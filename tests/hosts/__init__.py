"""Several machines, as network namespaces of this one: each has its own addresses, name and processes."""
