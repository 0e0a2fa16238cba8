"""How Java runs on the executors."""

# Of Java's two compilers only the quick one. The other needs more time than it saves where an executor has little to
# do itself. As a variable, so that options which a cluster sets for its executors stay, and win.
QUICK_COMPILER = ("spark.executorEnv.JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
