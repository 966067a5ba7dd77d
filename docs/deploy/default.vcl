# Varnish in front of durable-streams: a cache, and live readers of one stream as one request. Varnish 7.
# It speaks no TLS: nginx or Caddy stands before it. Yours are the lines that end in "yours".
# The server behind it: durable-streams --allow-host streams.example --trust-proxy
vcl 4.1;

backend streams {
    .host = "127.0.0.1"; # yours
    .port = "4437"; # yours
    # More than the server's --long-poll-timeout.
    .first_byte_timeout = 75s;
    .between_bytes_timeout = 75s;
}

# Whose word counts: the proxy that ends TLS, and who may purge.
acl near {
    "127.0.0.1"; # yours
    "::1";
}

sub vcl_recv {
    if (client.ip !~ near) {
        unset req.http.X-Forwarded-Proto;
        unset req.http.X-Forwarded-Host;
        unset req.http.X-Forwarded-Port;
        unset req.http.X-Forwarded-Prefix;
        unset req.http.Forwarded;
    }

    # PURGE of a stream's URL, without a query, removes all of that stream: every offset, every cursor. Not by way
    # of a proxy that is near, which says for whom: Varnish has added its address to that.
    if (req.method == "PURGE") {
        if (client.ip !~ near || req.http.X-Forwarded-For ~ ",") {
            return (synth(403, "Not yours to purge"));
        }
        ban("obj.http.X-Stream == " + regsub(req.url, "\?.*$", ""));
        return (synth(200, "Purged"));
    }

    # Varnish keeps the connection for the reader alone, who gets each event as it comes.
    if (req.url ~ "[?&]live=sse(&|$)") {
        return (pipe);
    }

    # Varnish would make a GET of HEAD, and answer with a chunk's headers instead of the stream's.
    if (req.method != "GET") {
        return (pass);
    }

    # What is somebody's own is neither kept nor taken from the cache, nor does it wait for another's.
    if (req.http.Authorization || req.http.Cookie || req.url ~ "[?&]ds-sig=") {
        return (pass);
    }

    # Where the tail is now is never the same twice.
    if (req.url ~ "[?&](offset=now|tail=|time=|last=)") {
        return (pass);
    }
    return (hash);
}

sub vcl_backend_response {
    set beresp.http.X-Stream = regsub(bereq.url, "\?.*$", "");

    # A deleted stream is gone from here after a minute, not after the five that stale-while-revalidate allows.
    set beresp.grace = 0s;

    # The empty answer of a long-poll is kept for a second: it ends the waits of all who waited with it. Each of
    # them then asks with the next cursor, which is another URL, so that nobody gets it twice.
    if (beresp.status == 204 && beresp.http.Cache-Control == "no-store" &&
        bereq.url ~ "[?&]live=long-poll(&|$)" && !bereq.uncacheable) {
        set beresp.ttl = 1s;
        return (deliver);
    }
}

sub vcl_deliver {
    unset resp.http.X-Stream;
    if (obj.hits > 0) {
        set resp.http.X-Cache = "HIT";
    } else {
        set resp.http.X-Cache = "MISS";
    }
}
