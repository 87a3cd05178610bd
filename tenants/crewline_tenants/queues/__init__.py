"""Queues as everybody reads them: names and targets. The live floor owns what happens in them."""
