"""Work that outlives its request, a chunk at a time: batches, imports, bulk updates, exports."""
