// Names of status codes; the values are those of the SDK's headers.
#include "event/codes.h"

#include <criterion/criterion.h>

Test(codes, win32) {
    cr_assert_str_eq(code_win32_name(0), "ERROR_SUCCESS");
    cr_assert_str_eq(code_win32_name(2), "ERROR_FILE_NOT_FOUND");
    cr_assert_str_eq(code_win32_name(87), "ERROR_INVALID_PARAMETER");
    cr_assert_str_eq(code_win32_name(1722), "RPC_S_SERVER_UNAVAILABLE");
    cr_assert_str_eq(code_win32_name(10061), "WSAECONNREFUSED");
    cr_assert_str_eq(code_win32_name(15701), "APPMODEL_ERROR_PACKAGE_RUNTIME_CORRUPT");
    cr_assert(code_win32_name(4) && !code_win32_name(7));
    cr_assert(!code_win32_name(UINT32_MAX));
}

Test(codes, ntstatus) {
    cr_assert_str_eq(code_ntstatus_name(0), "STATUS_SUCCESS");
    cr_assert_str_eq(code_ntstatus_name(0x103), "STATUS_PENDING");
    cr_assert_str_eq(code_ntstatus_name(0x80000005), "STATUS_BUFFER_OVERFLOW");
    cr_assert_str_eq(code_ntstatus_name(0xc0000005), "STATUS_ACCESS_VIOLATION");
    cr_assert_str_eq(code_ntstatus_name(0xc000003a), "STATUS_OBJECT_PATH_NOT_FOUND");
    cr_assert_str_eq(code_ntstatus_name(0xc0000428), "STATUS_INVALID_IMAGE_HASH");
    cr_assert(!code_ntstatus_name(1) && !code_ntstatus_name(UINT32_MAX));
}

Test(codes, hresult) {
    cr_assert_str_eq(code_hresult_name(0), "S_OK");
    cr_assert_str_eq(code_hresult_name(1), "S_FALSE");
    cr_assert_str_eq(code_hresult_name(0x80004005), "E_FAIL");
    cr_assert_str_eq(code_hresult_name(0x80041010), "WBEM_E_INVALID_CLASS");
    cr_assert_str_eq(code_hresult_name(0x80070057), "E_INVALIDARG");
    cr_assert_str_eq(code_hresult_name(0x80070002), "ERROR_FILE_NOT_FOUND");
    cr_assert(!code_hresult_name(0x80070007));
    cr_assert(!code_hresult_name(0x80060002), "only FACILITY_WIN32 carries Win32 codes");
}
