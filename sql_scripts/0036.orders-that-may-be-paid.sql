-- depends: 0035.avatars-of-browsers
-- What was paid for is another question than what it brought: an order whose answer was lost may be paid, one that brought
-- no picture is. An order that may be paid keeps its place in the month.
ALTER TABLE image_orders ADD COLUMN paid text NOT NULL DEFAULT 'no' CHECK (paid IN ('no', 'maybe', 'yes'));
ALTER TABLE image_orders DROP CONSTRAINT image_orders_check2;
UPDATE image_orders SET paid = 'yes' WHERE state = 'done';
UPDATE image_orders SET paid = 'maybe', quota = 'committed' WHERE error_code = 'image_order_uncertain' AND ended_at IS NOT NULL;
ALTER TABLE image_orders ADD CHECK (quota = 'reserved' OR (quota = 'committed') = (state = 'done' OR paid = 'maybe'));
-- How the latest order ended is looked at every few seconds.
CREATE INDEX image_orders_ended ON image_orders (ended_at);
