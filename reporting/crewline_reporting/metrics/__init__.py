"""The catalogue of metrics: named, versioned, pure formulas over the primitives of records."""
