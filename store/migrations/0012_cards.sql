-- Gift cards and loyalty cards: what was funded, earned and spent, each as append-only entries of its own.
SELECT;
