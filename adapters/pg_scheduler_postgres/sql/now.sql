-- The store's time.
SELECT :NOW AS moment;
