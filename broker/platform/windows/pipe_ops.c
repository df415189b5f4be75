// The table as it is outside of tests.
#include "platform/windows/pipe_ops.h"

#include <stdio.h>

static void end_process(const char *what) {
    fprintf(stderr, "etwbroker: %s; the process ends here for safety\n", what);
    TerminateProcess(GetCurrentProcess(), ERROR_CANNOT_IMPERSONATE);
}

PipeOps pipe_ops = {
    .create_named_pipe = CreateNamedPipeW,
    .create_file = CreateFileW,
    .impersonate = ImpersonateNamedPipeClient,
    .open_thread_token = OpenThreadToken,
    .revert = RevertToSelf,
    .token_information = GetTokenInformation,
    .token_membership = CheckTokenMembership,
    .object_security = GetKernelObjectSecurity,
    .fatal = end_process,
};
