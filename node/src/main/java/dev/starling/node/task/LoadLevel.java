package dev.starling.node.task;

import dev.starling.scheduler.model.ServiceLoad;

/**
 * A load as it is told to others: smoothed over a few rounds, in eighths of what is wanted, and changed only when it is clearly another one. A value
 * that swings by less than three quarters of an eighth is no news.
 */
final class LoadLevel {
    private static final double WEIGHT = 0.5;
    private static final double NEWS = 0.75;

    private double average = -1;
    private int level;

    /** @param share of what is wanted; 1: as much as that */
    int next(double share) {
        double eighths = Math.max(0, share) * ServiceLoad.WANTED;
        average = average < 0 ? eighths : average + WEIGHT * (eighths - average);
        if (Math.abs(average - level) > NEWS) {
            level = (int) Math.min(ServiceLoad.MOST, Math.round(average));
        }
        return level;
    }
}
