-- Every service keeps to a database of its own, and creates it: hub_orders, hub_payments and so on.
GRANT ALL PRIVILEGES ON `hub\_%`.* TO 'hub'@'%';
