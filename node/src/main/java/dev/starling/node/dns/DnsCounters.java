package dev.starling.node.dns;

/**
 * What the server did since it started.
 *
 * @param answered  from the table, errors included
 * @param forwarded answered by an upstream
 * @param failed    SERVFAIL: no upstream answered, or too many queries under way
 * @param malformed not a query, ignored
 */
public record DnsCounters(long answered, long forwarded, long failed, long malformed) {}
