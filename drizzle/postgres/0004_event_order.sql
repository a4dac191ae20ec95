DROP INDEX "events_package_idx";--> statement-breakpoint
CREATE INDEX "events_order_idx" ON "events" USING btree ("transaction_id","id");--> statement-breakpoint
CREATE INDEX "events_package_idx" ON "events" USING btree ("package_name","transaction_id","id");