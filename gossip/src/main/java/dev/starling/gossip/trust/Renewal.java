package dev.starling.gossip.trust;

import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.random.RandomGenerator;

/**
 * When a certificate is to be renewed: at a random point of 50 to 80 % of its life, as Docker does it, so that nodes which joined together do
 * not ask together, and a fifth of the life is left for the managers to come back.
 *
 * <p>Certificates say when they end and not when they were issued ({@link ClusterAuthority}: they begin in 1970), so the life is that of new
 * ones. One that was issued for less is due the sooner.
 *
 * @param due        from when on to renew
 * @param validUntil when the certificate ends
 */
public record Renewal(Instant due, Instant validUntil) {
    private static final double EARLIEST = 0.5;
    private static final double LATEST = 0.8;

    public Renewal {
        Objects.requireNonNull(due, "due");
        Objects.requireNonNull(validUntil, "validUntil");
    }

    /** Of a certificate that ends at {@code validUntil}, where new ones are issued for {@code life}. */
    public static Renewal of(Instant validUntil, Duration life, RandomGenerator random) {
        double share = EARLIEST + (LATEST - EARLIEST) * random.nextDouble();
        return new Renewal(validUntil.minus(life).plusMillis((long) (life.toMillis() * share)), validUntil);
    }

    public boolean isDue(Instant now) {
        return !now.isBefore(due);
    }

    /** Negative once the certificate has ended. */
    public Duration left(Instant now) {
        return Duration.between(now, validUntil);
    }
}
