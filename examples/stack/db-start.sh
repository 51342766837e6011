#!/bin/sh
# The database's first process: makes the data directory once, then becomes mariadbd. The password comes from a secret.
set -eu
data=/var/lib/mysql
password=$(cat /run/secrets/db-password)
mkdir -p /run/mysqld /tmp
if [ ! -e "$data/shop/visits.frm" ]; then
    rm -rf "$data"/*
    {
        # mariadbd --bootstrap takes one statement a line
        echo "CREATE DATABASE IF NOT EXISTS mysql;"
        echo "USE mysql;"
        echo "SET @auth_root_socket=NULL;"
        cat /usr/share/mysql/mysql_system_tables.sql /usr/share/mysql/mysql_performance_tables.sql /usr/share/mysql/mysql_system_tables_data.sql
        echo "FLUSH PRIVILEGES;"
        echo "CREATE USER 'shop'@'%' IDENTIFIED BY '$password';"
        echo "CREATE DATABASE shop;"
        echo "GRANT ALL ON shop.* TO 'shop'@'%';"
        echo "CREATE TABLE shop.visits (id BIGINT AUTO_INCREMENT PRIMARY KEY, task VARCHAR(64) NOT NULL, version VARCHAR(16) NOT NULL);"
    } >/tmp/first.sql
    mariadbd --no-defaults --user=root --datadir="$data" --bootstrap --skip-networking </tmp/first.sql
    rm /tmp/first.sql
fi
exec mariadbd --no-defaults --user=root --datadir="$data" --socket=/run/mysqld/mysqld.sock --bind-address=0.0.0.0 --skip-name-resolve \
    --innodb-buffer-pool-size=64M --performance-schema=OFF --max-connections=400
