#!/bin/sh
# The image runs this once, on an empty volume: a user for each service that has a database, with all rights on that one
# and none on the others. The payment sandbox counts as one. They create their databases themselves. MYSQL_PASSWORD is
# letters and digits.
set -eu

for service in auth users products inventory orders payments notify ops sandbox; do
  MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql --protocol=socket --user=root <<SQL
CREATE USER IF NOT EXISTS 'hub_$service'@'%' IDENTIFIED BY '$MYSQL_PASSWORD';
GRANT ALL PRIVILEGES ON \`hub\\_$service\`.* TO 'hub_$service'@'%';
SQL
done
