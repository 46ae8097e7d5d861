"""Software-defined assets, one module a stage: inputs, one domain call, metadata."""
