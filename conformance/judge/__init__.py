"""The judge: from what an implementation did to a verdict, its outcome by the ledger, its explanation, its record.

May import: cases, mutants, bindings, reference. A known divergence is a row of `ledger.toml`.
"""
