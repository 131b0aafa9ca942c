"""The judge: from what an implementation did to a verdict, its outcome by the ledger, its explanation, its record.

engine.py runs a check through all stages. Imported by: areas, checking, cli, lab, porting, proof, report, run.

To add a known divergence: a row of ledger.toml. To add a kind of observation: register its judge with `verdict_of`.
"""
