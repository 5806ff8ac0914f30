-- Which device a key was attested for (adde only), until it says so itself in Authenticate.
ALTER TABLE acme_order ADD COLUMN serial_number TEXT;
ALTER TABLE acme_order ADD COLUMN udid TEXT;
