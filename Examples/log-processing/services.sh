# Real services for the log application: nginx on loopback with one authorisation endpoint and ten web sites, each of
# which serves its own access log at /log. To be sourced; start_services sets auth_url and services_pid.

site_count=10
good_token=demo-token-5f0c

# Prints the first of COUNT neighbouring ports that nobody listens on.
free_ports() {
    local base port
    for ((base = 20000 + RANDOM % 8000; base < 32000; base += $1)); do
        for ((port = base; port < base + $1; port++)); do
            (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && continue 2
        done
        echo "$base"
        return
    done
    echo 'no free ports' >&2
    return 1
}

# site FOLDER PORT: one web site with pages, a redirect, a forbidden and a failing path.
site() {
    mkdir -p "$1/products" "$1/static"
    echo "<h1>Site at port $2</h1>" > "$1/index.html"
    local product
    for product in 1 2 3 4 5; do seq -f "<p>Product $product, line %g</p>" $((product * 20)) > "$1/products/$product.html"; done
    head -c 20000 /dev/zero | tr '\0' x > "$1/static/app.js"
    cat << CONF
    server {
        listen 127.0.0.1:$2;
        root $1;
        access_log $1.log combined;
        location = /log { alias $1.log; default_type text/plain; access_log off; }
        location = /old { return 301 /index.html; }
        location = /admin { return 403; }
        location = /report { return 503; }
    }
CONF
}

# services_config FOLDER BASE_PORT: the whole configuration, and the sites' files.
services_config() {
    local folder=$1 base=$2 urls='' port
    [[ $(id -u) == 0 ]] && echo 'user root;'
    cat << CONF
worker_processes 1;
pid $folder/nginx.pid;
error_log $folder/error.log;
events { worker_connections 1024; }
http {
    client_body_temp_path $folder/tmp; proxy_temp_path $folder/tmp; fastcgi_temp_path $folder/tmp;
    uwsgi_temp_path $folder/tmp; scgi_temp_path $folder/tmp;
    types { text/html html; application/javascript js; text/plain log; }
CONF
    for ((port = base + 1; port <= base + site_count; port++)); do
        site "$folder/site-$port" "$port"
        urls+="${urls:+, }\"http://127.0.0.1:$port/log\""
    done
    cat << CONF
    server {
        listen 127.0.0.1:$base;
        access_log $folder/authorisation.log combined;
        location = /authorize {
            default_type application/json;
            if (\$http_authorization != "Bearer $good_token") { return 401 '{"error": "unknown token"}'; }
            return 200 '[$urls]';
        }
    }
}
CONF
}

# start_services FOLDER: returns when all of them answer.
start_services() {
    local folder=$1 base nginx attempt
    nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
    base=$(free_ports $((site_count + 1)))
    mkdir -p "$folder/tmp"
    services_config "$folder" "$base" > "$folder/nginx.conf"
    "$nginx" -p "$folder" -c "$folder/nginx.conf" -e "$folder/error.log" -g 'daemon off;' &
    services_pid=$!
    auth_url=http://127.0.0.1:$base/authorize
    for ((attempt = 0; attempt < 100; attempt++)); do
        curl -s -o "$folder/probe" "http://127.0.0.1:$((base + site_count))/log" && return
        kill -0 "$services_pid" 2> /dev/null || break
        sleep 0.1
    done
    cat "$folder/error.log" >&2
    return 1
}

# load_services FOLDER REQUESTS: sends each site up to as many requests, so that there is something in its log.
load_services() {
    local paths=(/ /index.html /products/1.html /products/2.html /products/3.html /products/4.html /products/5.html
        /static/app.js /static/app.js '/?campaign=7' /old /admin /missing.html /wp-login.php /report)
    local site port request count
    RANDOM=7
    for site in "$1"/site-*/; do
        port=${site%/} port=${port##*-}
        count=$(($2 / 4 + RANDOM % ($2 * 3 / 4)))
        for ((request = 0; request < count; request++)); do
            printf 'url = "http://127.0.0.1:%s%s"\noutput = "/dev/null"\n' "$port" "${paths[RANDOM % ${#paths[@]}]}"
        done
    done > "$1/load.curl"
    curl --silent --parallel --parallel-max 16 --user-agent demo-load/1.0 --config "$1/load.curl" 2> "$1/load.log"
}
