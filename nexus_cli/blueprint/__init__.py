"""The blueprint language: its model, loader, graph, rules and bindings."""
