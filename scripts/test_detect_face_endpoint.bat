@echo off
rem SPDX-License-Identifier: Apache-2.0
rem Asks a running `espy serve` for the faces of a photo: test_detect_face_endpoint PHOTO
rem
rem   ESPY_URL    where it listens; else http://127.0.0.1:5000
rem   ESPY_TOKEN  access_token of /api/auth/login; not needed under --trust-loopback
setlocal
if "%ESPY_URL%"=="" set "ESPY_URL=http://127.0.0.1:5000"
curl -sS -f -m 10 -o nul "%ESPY_URL%/api/attendance/test-ping"
if errorlevel 1 (
    echo No server answers at %ESPY_URL%; start one with: espy serve --port 5000, or set ESPY_URL
    pause
    exit /b 1
)
set "auth=X-Espy: none"
if not "%ESPY_TOKEN%"=="" set "auth=Authorization: Bearer %ESPY_TOKEN%"
if "%~1"=="" (
    curl -sS -m 60 -X POST "%ESPY_URL%/api/attendance/detect-face"
) else (
    curl -sS -m 60 -H "%auth%" -F "image=@%~1" "%ESPY_URL%/api/attendance/detect-face"
)
set status=%errorlevel%
echo.
echo 404 means that another program answers there; 401 that ESPY_TOKEN has to be set.
pause
exit /b %status%
