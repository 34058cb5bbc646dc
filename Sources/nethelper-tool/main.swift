import NetHelper

// `nethelper-tool internal holder|helper|service ...`: the process modes alone, for the tests of this module.
runNetHelperMode(Array(CommandLine.arguments.dropFirst(2)))
