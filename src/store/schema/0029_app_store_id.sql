-- Which licence an app needs, without reading what it is made of.
ALTER TABLE desired_item ADD COLUMN app_store_id TEXT; -- NULL: no app, or none of the App Store
