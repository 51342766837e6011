package dev.starling.gossip.trust;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Objects;
import java.util.function.LongSupplier;

/**
 * The time by which certificates are judged, on machines whose wall clock may stand in 1970 after each power cut, or years off. It takes the
 * wall clock unless there is evidence against it:
 *
 * <ul>
 * <li>It never runs behind the last time that was known (kept on disk, counted on by the monotonic clock while the agent runs).
 * <li>What a manager told over an authenticated connection overrules a wall clock that is more than {@link #TOLERANCE} ahead of it.
 * <li>A wall clock that is past the end of this node's own certificate is in doubt: either the node was off for long, or the clock is ahead.
 *     Until a manager says which, the last known time counts. So a node in doubt refuses nobody by a clock that may be wrong; others, which know
 *     the time, refuse it where it is really expired, and it renews at the join port.
 * <li>Two nodes whose wall clocks agree are believed: that is how a site that was closed for a winter gets back to the real time, its only
 *     manager by the first node that asks it for a certificate.
 * </ul>
 *
 * What remains: a clock that is ahead, but not past the end of the own certificate, is believed until a manager is asked. Safe for use by
 * several threads.
 */
public final class TrustClock implements InstantSource {
    /** By how much two clocks may differ and still tell the same time: coarse, for certificates live for days. */
    public static final Duration TOLERANCE = Duration.ofHours(12);

    private final InstantSource wall;
    private final LongSupplier nanos;
    private Instant known;
    private long knownAtNanos;
    private Instant plausibleUntil = Instant.MAX;
    /** A wall clock that is ahead of {@link #known} is not taken over: others have said what time it is. */
    private boolean told;

    /** @param known the last time that this node was sure of; {@link Instant#EPOCH} for none */
    public TrustClock(InstantSource wall, LongSupplier nanos, Instant known) {
        this.wall = Objects.requireNonNull(wall, "wall");
        this.nanos = Objects.requireNonNull(nanos, "nanos");
        this.known = Objects.requireNonNull(known, "known");
        this.knownAtNanos = nanos.getAsLong();
    }

    public static TrustClock system(Instant known) {
        return new TrustClock(InstantSource.system(), System::nanoTime, known);
    }

    /** The end of this node's own certificate: a wall clock beyond it is in doubt. */
    public synchronized void plausibleUntil(Instant end) {
        plausibleUntil = end;
    }

    @Override
    public synchronized Instant instant() {
        Instant counted = counted();
        Instant shown = wall.instant();
        return shown.isBefore(counted) || isAhead(shown, counted) ? counted : shown;
    }

    /** Whether nothing but an unlikely wall clock tells the time: a manager is to be asked. */
    public synchronized boolean inDoubt() {
        return !told && wall.instant().isAfter(plausibleUntil);
    }

    /** What the wall clock shows, right or wrong. */
    public Instant wallClock() {
        return wall.instant();
    }

    /** An authenticated manager says that it is {@code now}, and that its wall clock shows {@code itsWallClock}. */
    public synchronized void learn(Instant now, Instant itsWallClock) {
        Instant shown = wall.instant();
        believe(agree(shown, itsWallClock) ? shown : now);
    }

    /** The wall clock of a node of the cluster shows {@code itsWallClock}: where this one's is in doubt and shows the same, both are right. */
    public synchronized void confirm(Instant itsWallClock) {
        Instant shown = wall.instant();
        if (inDoubt() && agree(shown, itsWallClock)) {
            believe(shown);
        }
    }

    private void believe(Instant now) {
        known = now;
        knownAtNanos = nanos.getAsLong();
        told = true;
    }

    private boolean agree(Instant shown, Instant itsWallClock) {
        return near(shown, itsWallClock) && !shown.isBefore(counted());
    }

    /** Since the last evidence, by the monotonic clock. */
    private Instant counted() {
        return known.plusNanos(nanos.getAsLong() - knownAtNanos);
    }

    private boolean isAhead(Instant shown, Instant counted) {
        return told ? shown.isAfter(counted.plus(TOLERANCE)) : shown.isAfter(plausibleUntil);
    }

    private static boolean near(Instant a, Instant b) {
        return Duration.between(a, b).abs().compareTo(TOLERANCE) <= 0;
    }
}
