package dev.starling.scheduler.model;

/**
 * What the effect runner saw of a task's container.
 *
 * @param exitCode    -1 while it runs or where it is unknown
 * @param containerId empty before there is one
 * @param pid         of the container's first process on the host; 0 where there is none
 */
public record TaskReport(String taskId, TaskState state, String message, String error, int exitCode, String containerId, int pid) {
    public TaskReport withMessage(String text) {
        return new TaskReport(taskId, state, text, error, exitCode, containerId, pid);
    }
}
