-- Room for what comes.
SELECT;
