"""One film on many machines: what scripts/cluster.py is made of.

`schedule` decides which segments to paint next, and knows nothing of machines. `program` runs impasto. `parts` keeps the segments.
`storage` brings a film to a machine. `node` is what runs on the machines, `engine` the one place that knows Ray, `slurm` the one
that knows Slurm.
"""
